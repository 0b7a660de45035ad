/** A value that survives `JSON.stringify` and back. Offsets, handles and options are of this type. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };
