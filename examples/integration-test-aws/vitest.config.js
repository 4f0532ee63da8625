import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { globalSetup: ['./tidelog.setup.js'], testTimeout: 30_000 },
});
