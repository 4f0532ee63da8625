export const handler = async () => 'fetch';
