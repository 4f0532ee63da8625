export const handler = async () => 'seal';
