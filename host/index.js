// The package's entry for plain JavaScript and for Node, which does not run TypeScript below `node_modules`. It offers
// what `index.ts` does.

if (import.meta.url.includes('/node_modules/')) await import('./strip-types.js');

export const {
  checkPipeline,
  createServer,
  ERRORS,
  file,
  MillraceError,
  pipeline,
  readPipeline,
  runPipeline,
  serve,
} = await import('./index.ts');
