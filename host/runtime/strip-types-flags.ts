const NODE_MODULES = '/node_modules/';

/**
 * Flags that a thread or process of ours needs to run this package's TypeScript: none from a checkout; as an installed
 * package a hook, because Node itself strips no types below `node_modules`.
 */
export function stripTypesFlags(): readonly string[] {
  if (!import.meta.url.includes(NODE_MODULES)) return [];
  return [`--import=${new URL('../strip-types.js', import.meta.url).href}`];
}
