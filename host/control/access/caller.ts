import { MillraceError } from '../../errors.ts';

/**
 * What a token allows, each with what the one before it may: `viewer` looks, `deployer` changes modules and jobs and hands over
 * records, `admin` reads the audit log.
 */
export const ROLES = ['viewer', 'deployer', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Who makes a request. */
export interface Caller {
  /** The token's name; never the token. */
  readonly name: string;
  readonly role: Role;
  /** Whose modules and jobs the request is about. */
  readonly tenant: string;
}

/** The tenant of a server that knows of none. */
export const DEFAULT_TENANT = 'default';

/** The caller where no token is asked for: whoever reaches the server may do all. */
export const LOCAL_CALLER: Caller = { name: 'local', role: 'admin', tenant: DEFAULT_TENANT };

/** Throws `FORBIDDEN` unless the caller has the role, or one above it. */
export function assertRole(caller: Caller, needed: Role): void {
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(needed)) return;
  throw new MillraceError(
    'FORBIDDEN',
    `token "${caller.name}" has role ${caller.role}, the request needs ${needed}`,
    { hint: 'ask whoever keeps the token file of the server' },
  );
}
