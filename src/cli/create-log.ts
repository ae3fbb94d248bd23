import pino, { type Logger } from 'pino';
import type { Config } from '../config/load-config.ts';

/** One JSON object a line on stdout. Errors go in without the fields that libraries hang on them: tokens may be there. */
export function createLog(config: Config): Logger {
  return pino({
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      err: (error: unknown) =>
        error instanceof Error
          ? { type: error.name, message: error.message, stack: error.stack }
          : String(error),
    },
  });
}
