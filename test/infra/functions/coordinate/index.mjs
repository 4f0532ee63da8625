export const handler = async () => 'coordinate';
