/**
 * `npm test`: lint, types, what is generated, shell scripts, and all tests; those on real Slurm where that can run. Arguments
 * go to vitest. With REQUIRE_REAL_SLURM=1 a machine that can't run real Slurm fails. The last line counts what the test
 * runner reported.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../slurm/cluster/ensure-packages.ts';
import { missingRequirement } from '../slurm/cluster/requirements.ts';
import { releases, rootFileSystem } from '../slurm/cluster/root-file-system.ts';

const root = join(import.meta.dirname, '..');
const report = join(root, '.cache', 'test-report.json');
const modules = join(root, 'node_modules');
const shellScripts = [
  'slurm/job.sh',
  ...['slurm/job', 'slurm/launchers'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  ),
  'slurm/cluster/supervise.sh',
  'test/simulator/runner/run.sh',
  'test/image/engine.sh',
  '.ci/run',
];

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
}

/** The runner writes it at its end; one that died before has passed nothing. */
function readReport(): Report {
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as Report;
  } catch (error) {
    console.error(`The test runner left no report (${(error as Error).message}): look at what it printed.`);
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: false };
  }
}

const missing = missingRequirement();
let failed = false;

function step(what: string, command: string, args: readonly string[]): void {
  console.log(`\n── ${what}`);
  const { status, error } = spawnSync(command, [...args], { cwd: root, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  if (status === 0) return;
  failed = true;
  console.error(`── ${what}: failed`);
}

const node = process.execPath;
step('lint', join(modules, '.bin/biome'), ['check', '--error-on-warnings', '.']);
step('types', node, [join(modules, 'typescript/bin/tsc'), '--noEmit']);
step('generated types are as the descriptions say', node, ['openapi/generate.ts', '--check']);
step('what the simulator is held to is as GitHub says', node, [
  'test/simulator/extract-schemas.ts',
  '--check',
]);
if (missing === null) {
  await ensurePackages(['shellcheck', 'openssl']);
  step('shell scripts', 'shellcheck', shellScripts);
  step('descriptions are as Slurm serves them', node, ['openapi/pull.ts', '--check']);
  // A minute or more, which no test's time limit should have to cover; those with accounting are there by now.
  for (const release of releases) await rootFileSystem(release, console.log);
  await rootFileSystem('24.11', console.log, 'containers');
}

mkdirSync(join(root, '.cache'), { recursive: true });
rmSync(report, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
step('tests', node, [join(modules, 'vitest/vitest.mjs'), 'run', ...reporters, ...process.argv.slice(2)]);

if (missing !== null) {
  console.log(
    `\nLeft out: everything on real Slurm, the image, Compose, whether Slurm serves what openapi/ has, and shellcheck. ${missing}`,
  );
  if (process.env['REQUIRE_REAL_SLURM'] === '1') failed = true;
}
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, success } = readReport();
if (failed || !success) {
  process.exitCode = 1;
  if (numFailedTests === 0) console.log('failed: not a test, but a step or a suite above');
}
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`);
