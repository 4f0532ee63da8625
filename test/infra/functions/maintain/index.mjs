export const handler = async () => 'maintain';
