export const handler = async () => 'admin';
