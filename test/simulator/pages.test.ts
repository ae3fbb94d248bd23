import { describe, expect, it } from 'vitest';
import { actions, type Job, jobSpecs, repository, simulatorForTest } from './simulator-for-test.ts';

/** rel → URL. */
function linksOf(headers: Headers): Record<string, string> {
  const links = [...(headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)];
  return Object.fromEntries(links.map(([, url = '', rel = '']) => [rel, url]));
}

async function bigRun(count: number, options: { publicUrl?: string } = {}) {
  const github = await simulatorForTest(options);
  const run = github.createRun(jobSpecs(count));
  const path = `${actions}/runs/${run.id}/jobs`;
  const page = async (query: string) => {
    const { headers, text } = await github.send('GET', path + query);
    const body = JSON.parse(text) as { total_count: number; jobs: Job[] };
    return { ...body, links: linksOf(headers), ids: body.jobs.map((job) => job.id) };
  };
  return { github, run, path, page };
}

describe('a listing of 250 jobs', () => {
  it('comes in three pages of 100, whose links are right and absolute', async () => {
    const { github, path, page } = await bigRun(250);
    const at = (number: number): string => `${github.url}${path}?filter=latest&per_page=100&page=${number}`;
    const pages = await Promise.all(
      [1, 2, 3].map((number) => page(at(number).slice((github.url + path).length))),
    );
    expect(pages.map(({ jobs }) => jobs.length)).toEqual([100, 100, 50]);
    expect(pages.map(({ total_count }) => total_count)).toEqual([250, 250, 250]);
    expect(pages.map(({ links }) => links)).toEqual([
      { next: at(2), last: at(3) },
      { prev: at(1), first: at(1), next: at(3), last: at(3) },
      { prev: at(2), first: at(1) },
    ]);
    const wanted = github.control.jobs().map((job) => job.id);
    expect(pages.flatMap(({ ids }) => ids)).toEqual(wanted);
    expect(new Set(wanted).size).toBe(250);
  });

  it('is had whole by following `next` from the first page, which names no number', async () => {
    const { github, page, path } = await bigRun(250);
    const ids: number[] = [];
    for (let query: string | undefined = '?per_page=100'; query !== undefined; ) {
      const { ids: some, links }: Awaited<ReturnType<typeof page>> = await page(query);
      ids.push(...some);
      query = links['next']?.slice((github.url + path).length);
    }
    expect(ids).toEqual(github.control.jobs().map((job) => job.id));
  });

  it('takes 30 a page unless told otherwise, and 100 at most', async () => {
    const { page } = await bigRun(250);
    const sizes = [
      '',
      '?per_page=7',
      '?per_page=100',
      '?per_page=101',
      '?per_page=0',
      '?per_page=-5',
      '?per_page=x',
    ];
    const lengths = await Promise.all(sizes.map(async (query) => (await page(query)).jobs.length));
    expect(lengths).toEqual([30, 7, 100, 100, 30, 30, 30]);
  });

  it('takes a page that is none for the first, and is empty beyond its last', async () => {
    const { page } = await bigRun(250);
    const [first, none, word, beyond] = await Promise.all(
      ['1', '0', 'x', '4'].map((number) => page(`?per_page=100&page=${number}`)),
    );
    expect([none?.ids, word?.ids]).toEqual([first?.ids, first?.ids]);
    expect(beyond).toMatchObject({ total_count: 250, jobs: [] });
    expect(beyond?.links).not.toHaveProperty('next');
  });

  it('links to the URL that others reach it by', async () => {
    const { page } = await bigRun(3, { publicUrl: 'http://github.example:8081' });
    expect((await page('?per_page=2')).links['next']).toMatch(/^http:\/\/github\.example:8081\/repos\//);
  });
});

describe('other listings', () => {
  it('have no links when one page is enough', async () => {
    const { page, github } = await bigRun(100);
    expect((await page('?per_page=100')).links).toEqual({});
    expect(linksOf((await github.send('GET', `${actions}/runners`)).headers)).toEqual({});
  });

  it.each([
    ['runs', 'workflow_runs'],
    ['runners', 'runners'],
    ['workflows', 'workflows'],
  ])('%s come in pages as well', async (place, name) => {
    const github = await simulatorForTest();
    for (const one of ['a', 'b', 'c']) {
      github.createRun([], one);
      await github.mint(one, ['slurm-small']);
    }
    const { headers, text } = await github.send('GET', `${actions}/${place}?per_page=2&page=2`);
    expect(JSON.parse(text)).toMatchObject({ total_count: 3, [name]: [expect.anything()] });
    expect(Object.keys(linksOf(headers))).toEqual(['prev', 'first']);
  });

  it('of runs come newest first, and by status 1,000 at most', async () => {
    const github = await simulatorForTest();
    for (let count = 0; count < 1_001; count += 1) github.control.createRun(repository, 'build', jobSpecs(1));
    const [newest] = await github.runs('?per_page=1');
    expect(newest?.run_number).toBe(1_001);
    expect(await github.read(`${actions}/runs?per_page=1`)).toMatchObject({ total_count: 1_001 });
    expect(await github.read(`${actions}/runs?status=queued&per_page=1`)).toMatchObject({
      total_count: 1_000,
    });
    expect(await github.runs('?status=queued&per_page=100&page=11')).toEqual([]);
  });
});
