export const handler = async () => 'rest';
