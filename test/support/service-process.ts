/** The service as its users run it: a process of its own, with its log in a file. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const main = join(import.meta.dirname, '../../src/cli/main.js');
/** What its first line, which runs it as a program, gives Node. */
export const nodeFlags: readonly string[] =
  /^#!\/usr\/bin\/env -S node (.*)$/m.exec(readFileSync(main, 'utf8'))?.[1]?.split(' ') ?? [];

export interface ServiceOptions {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Before its argv, for a program that runs it and becomes it. */
  readonly enter?: readonly string[];
  /** It goes on when this process ends. */
  readonly detached?: boolean;
}

export interface ServiceProcess {
  readonly pid: number;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** Runs a command of `gha-slurm`. @returns what it printed. @throws Error when it does not end with 0. */
export async function runCommand(
  { configFile, env, enter }: Pick<ServiceOptions, 'configFile' | 'env' | 'enter'>,
  ...command: readonly string[]
): Promise<string> {
  const [program, ...args] = argvOf(configFile, command, enter);
  const { stdout } = await promisify(execFile)(program, args, {
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
  return stdout.trim();
}

export function startService({
  configFile,
  env,
  logFile,
  enter,
  detached = false,
}: ServiceOptions): ServiceProcess {
  const log = openSync(logFile, 'a');
  const [program, ...args] = argvOf(configFile, ['serve'], enter);
  const child: ChildProcess = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached,
  });
  closeSync(log);
  if (detached) child.unref();
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

function argvOf(
  configFile: string,
  command: readonly string[],
  enter: readonly string[] = [],
): [string, ...string[]] {
  const [program = process.execPath, ...args] = [
    ...enter,
    process.execPath,
    ...nodeFlags,
    main,
    '--config',
    configFile,
    ...command,
  ];
  return [program, ...args];
}

/** What the service has logged, as records; anything else that it printed is left out. */
export function readLog(logFile: string): Record<string, unknown>[] {
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
