import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isName } from '../model/name.ts';
import { DEFAULT_TENANT } from './access/caller.ts';
import { openTenant, TENANTS_FOLDER, type Tenant, type TenantOptions } from './tenant.ts';

/** The tenants of a server, each opened once. */
export interface Tenants {
  /** Opened if it was not yet. */
  open(name: string): Promise<Tenant>;
  close(): Promise<void>;
}

export type TenantsOptions = Omit<TenantOptions, 'name' | 'quota'> & {
  quota(tenant: string): ReturnType<TenantOptions['quota']>;
};

/** Opens the default tenant and all that have been here before: their jobs go on whether anyone asks for them or not. */
export async function openTenants(options: TenantsOptions): Promise<Tenants> {
  const opened = new Map<string, Promise<Tenant>>();
  const open = (name: string): Promise<Tenant> => {
    let tenant = opened.get(name);
    if (tenant === undefined) {
      tenant = openTenant({ ...options, name, quota: () => options.quota(name) });
      opened.set(name, tenant);
      tenant.catch(() => opened.delete(name));
    }
    return tenant;
  };
  const close = async () => {
    const tenants = await Promise.allSettled(opened.values());
    for (const tenant of tenants) {
      if (tenant.status === 'fulfilled') await tenant.value.close();
    }
  };
  try {
    for (const name of [DEFAULT_TENANT, ...(await knownTenants(options.data))]) await open(name);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { open, close };
}

async function knownTenants(data: string): Promise<readonly string[]> {
  const entries = await readdir(join(data, TENANTS_FOLDER), { withFileTypes: true }).catch(
    () => [],
  );
  return entries
    .filter((entry) => entry.isDirectory() && isName(entry.name))
    .map(({ name }) => name);
}
