/** `gha-slurm`: the commands. */
import { Command } from 'commander';
import { ConfigError } from '../config/load-config.ts';
import { OperatorError } from '../domain/errors.ts';
import { backup } from './backup.ts';
import { check } from './check.ts';
import { explain } from './explain.ts';
import { migrate } from './migrate.ts';
import { repair } from './repair.ts';
import { serve } from './serve.ts';

const program = new Command('gha-slurm')
  .description('Runs GitHub Actions workflow jobs on a Slurm cluster.')
  .option('-c, --config <file>', 'configuration file (default: $GHA_SLURM_CONFIG, else ./config.yaml)')
  .showHelpAfterError();

const configOption = (): string | undefined => program.opts<{ config?: string }>().config;

program
  .command('serve')
  .description('run the service until SIGTERM')
  .action(() => serve(configOption()));
program
  .command('migrate')
  .description('create the database, or bring it up to date')
  .action(() => migrate(configOption()));
program
  .command('backup <file>')
  .description('copy the database to a new file, while the service runs or not')
  .option('-f, --force', 'replace a file that is there', false)
  .action((file: string, options: { force: boolean }) => backup(configOption(), file, options));
program
  .command('repair')
  .description(
    'compare the database with all that Slurm and GitHub have, after a restore; stop the service first',
  )
  .option('-n, --dry-run', 'only tell what differs', false)
  .action((options: { dryRun: boolean }) => repair(configOption(), options));
program
  .command('check')
  .description('compare the configuration with the partitions, nodes and limits that Slurm reports')
  .option('-n, --node', 'also submit a job of each profile, which says what its node lacks', false)
  .option('-w, --wait <duration>', 'for how long such a job may wait and run', '5m')
  .action((options: { node: boolean; wait: string }) => check(configOption(), options));
program
  .command('explain <job-id>')
  .description("print a workflow job's whole life, and what it waits for now")
  .action((id: string) => explain(configOption(), id));

/** Runs the command that argv names; sets the exit code. */
export async function runProgram(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    console.error(error instanceof ConfigError ? error.message : `gha-slurm: ${error.message}`);
    process.exitCode = error.exitCode;
  }
}
