export interface SlurmWarning {
  readonly description?: string;
  readonly source?: string;
}

export interface WarningLog {
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
}

/**
 * Slurm's own words, the same in v0.0.40 to v0.0.45, on 24.11.5 and on 26.05.5:
 * `Ignoring unknown field "x" of type string in DATA_PARSER_JOB_DESC_MSG` and
 * `Expected OpenAPI type=array (Slurm type=list) but got OpenAPI type=string (Slurm type=string)`.
 */
const ignored = /ignoring unknown field|expected .* but got|unexpected type|unknown flag/i;
/** Of a listing that found nothing. */
const nothingNew = /zero jobs|no job changes|found nothing/i;

/** The same for every call: a part of a request that is ignored changes the job in silence, and is a defect of this client. */
export function noteWarnings(log: WarningLog, call: string, warnings: readonly SlurmWarning[]): void {
  for (const { description = '', source = '' } of warnings) {
    if (ignored.test(description)) {
      // From v0.0.42 on the value follows, which may be a secret of the job's environment.
      const [warning] = description.split(/(?<=\(Slurm type=[^)]*\)): /).slice(0, 1);
      log.error({ call, warning, source }, 'Slurm ignores a part of a request');
    } else if (!nothingNew.test(description)) {
      log.warn({ call, warning: description, source }, 'Slurm warns');
    }
  }
}
