export interface Figure {
  readonly what: string;
  /** With its unit. */
  readonly figure: string;
  readonly wanted: string;
  readonly met: boolean;
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
