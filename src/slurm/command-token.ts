/**
 * A token that a command prints, such as `scontrol token username=gha lifespan=600`, or a client of a secret store. It is
 * run without a shell. What it prints on stdout is a secret whatever it is, and goes nowhere; stderr is for the operator.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import { OperatorError } from '../domain/errors.ts';
import type { Clock } from '../domain/time.ts';
import { usedPartOfLife } from './minted-token.ts';
import { type IssuedToken, issuedToken, parseToken, type TokenSource } from './token-source.ts';

export interface TokenCommand {
  readonly command: readonly [string, ...string[]];
  /** How long a token is good for; null takes what the token itself says, and none where that says nothing. */
  readonly lifetimeMs: number | null;
  readonly timeLimitMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const mostBytes = 64 * 1_024;
const mostWords = 300;

export function commandToken({ lifetimeMs, ...command }: TokenCommand, clock: Clock): TokenSource {
  async function issue(): Promise<IssuedToken> {
    const token = parseToken(await run(command));
    if (token === null)
      throw new OperatorError(
        `${command.command[0]} prints no token: slurm.token.command has to print one, and nothing else, on stdout.`,
      );
    const lifeMs = lifetimeMs ?? (await remainingMs(token, clock));
    return { token, useMs: lifeMs === null ? null : lifeMs * usedPartOfLife };
  }
  return issuedToken(issue, clock);
}

function run({
  command: [file, ...args],
  timeLimitMs,
  env,
}: Omit<TokenCommand, 'lifetimeMs'>): Promise<string> {
  const options = {
    timeout: timeLimitMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostBytes,
    encoding: 'utf8',
    env: { ...env },
  } as const;
  return new Promise((resolve, reject) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      // No cause: the error of Node's carries the command line, and may carry what was printed.
      else reject(new OperatorError(sentence(file, error, timeLimitMs, stderr)));
    });
  });
}

function sentence(
  file: string,
  { code, killed, signal }: ExecFileException,
  timeLimitMs: number,
  stderr: string,
): string {
  const what =
    code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER'
      ? 'prints too much'
      : killed === true
        ? `has not ended after ${timeLimitMs / 1_000} s`
        : typeof code === 'number'
          ? `ended with status ${code}`
          : `could not be run (${code ?? signal ?? 'unknown'})`;
  const words = stderr.trim().slice(-mostWords);
  return `The command of slurm.token.command, ${file}, ${what}${words === '' ? '' : `: ${words}`}. Run it by hand as the user of this service.`;
}

async function remainingMs(token: string, clock: Clock): Promise<number | null> {
  const { decodeJwt } = await import('jose');
  try {
    const { exp = 0 } = decodeJwt(token);
    const leftMs = exp * 1_000 - clock.wallMs();
    // One that looks ended here may be good by the cluster's clock.
    return leftMs > 0 ? leftMs : null;
  } catch {
    // It need not be one that can be read here: Slurm decides.
    return null;
  }
}
