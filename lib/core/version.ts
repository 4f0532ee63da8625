/** The version in package.json; a test compares them. The functions' bundles have no package.json. */
export const VERSION = '0.1.0';
