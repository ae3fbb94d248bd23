/**
 * Every runner of a repository, or none of them: what leaves while its pages are read moves the rest up, and a page lacks one that is
 * there. So a listing counts only when each page states as many as have come, and no one came twice; another is begun where not.
 *
 * One that leaves while another joins can still hide a third: nothing is to be concluded from an absence alone.
 */
import { GitHubError } from '../domain/errors.ts';
import type { GitHubOctokit } from './create-octokit.ts';
import { malformed } from './to-error.ts';

export interface RegisteredRunner {
  readonly id: number;
  readonly name: string;
  readonly online: boolean;
  readonly busy: boolean;
  readonly labels: readonly string[];
}

interface Page {
  readonly stated: number;
  readonly runners: readonly RegisteredRunner[];
}

const pageSize = 100;
const mostListings = 3;

/** @throws GitHubError when no listing was consistent; what Octokit throws. */
export async function listRunners(
  octokit: GitHubOctokit,
  repository: string,
): Promise<readonly RegisteredRunner[]> {
  for (let listings = 0; listings < mostListings; listings += 1) {
    const pages = await listPages(octokit, repository);
    const runners = new Map(pages.flatMap((page) => page.runners.map((runner) => [runner.id, runner])));
    const came = pages.reduce((sum, page) => sum + page.runners.length, 0);
    if (came === runners.size && pages.every(({ stated }) => stated === came)) return [...runners.values()];
  }
  throw new GitHubError(
    `GitHub's list of runners changed each of the ${mostListings} times that it was read (${repository}): it is read again by itself.`,
    { kind: 'unavailable', status: 200, notCreated: false },
  );
}

/** Null when GitHub has none of that name. @throws what Octokit throws. */
export async function findRunner(
  octokit: GitHubOctokit,
  repository: string,
  name: string,
): Promise<RegisteredRunner | null> {
  const { runners, stated } = await readPage(octokit, repository, { name });
  const found = runners.find((runner) => runner.name === name);
  if (found === undefined && stated > runners.length) throw malformed(repository, 'more runners of one name');
  return found ?? null;
}

/** All but the first at once: the less time it takes, the less changes meanwhile. */
async function listPages(octokit: GitHubOctokit, repository: string): Promise<readonly Page[]> {
  const first = await readPage(octokit, repository, {});
  const others = Array.from({ length: Math.ceil(first.stated / pageSize) - 1 }, (_, index) => index + 2);
  const rest = await Promise.all(others.map((page) => readPage(octokit, repository, { page })));
  return [first, ...rest];
}

async function readPage(
  octokit: GitHubOctokit,
  repository: string,
  query: { readonly page?: number; readonly name?: string },
): Promise<Page> {
  const [owner = '', repo = ''] = repository.split('/');
  const { data } = await octokit.request('GET /repos/{owner}/{repo}/actions/runners', {
    owner,
    repo,
    per_page: pageSize,
    ...query,
  });
  if (!Number.isSafeInteger(data.total_count)) throw malformed(repository, 'total_count');
  return {
    stated: data.total_count,
    runners: data.runners.map(({ id, name, status, busy, labels }) => ({
      id,
      name,
      online: status === 'online',
      busy,
      labels: labels.map((label) => label.name),
    })),
  };
}
