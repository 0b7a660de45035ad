import type { Server, ServerParts } from '../server-type.ts';
import type { StoredJob } from '../stored-job.ts';

/** The page at `/`: the jobs, and where everything else is. Without a script. */
export async function indexPageRoutes(server: Server, parts: ServerParts): Promise<void> {
  server.get(
    '/',
    { config: { role: 'viewer' }, schema: { hide: true } },
    async (request, reply) => {
      const jobs = parts
        .of(request)
        .supervisor.list()
        .map((job) => job.stored);
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .send(page(jobs));
    },
  );
}

function page(jobs: readonly StoredJob[]): string {
  const rows = jobs.map(row).join('\n');
  const table = `<table><tr><th>job<th>state<th>attempt<th>restarts<th>created</tr>\n${rows}</table>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Millrace</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd }
</style>
<h1>Millrace</h1>
${jobs.length === 0 ? '<p>No job was submitted yet.</p>' : table}
<p><a href="/docs/">HTTP interface</a> · <a href="/v1/modules">modules</a> · <a href="/metrics">metrics</a></p>
</html>
`;
}

function row(job: StoredJob): string {
  const path = `/v1/jobs/${encodeURIComponent(job.id)}`;
  const created = new Date(job.createdAtMs).toISOString().replace('T', ' ').slice(0, 19);
  const state = job.error === null ? job.state : `${job.state}: ${job.error.code}`;
  return (
    `<tr><td><a href="${path}">${escapeHtml(job.id)}</a><td>${escapeHtml(state)}` +
    `<td>${job.attempt}<td>${job.restarts}<td>${created}</tr>`
  );
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
