/** What is aborted at the end of the service: looks at once, calls that change something when they have had a moment to be answered. */
export interface Ends {
  readonly looks: AbortSignal;
  readonly changes: AbortSignal;
}
