export const handler = async () => 'produce';
