/** When a site's own scripts run: the first and the last on the node, those in between where the runner is. */
export const hookEvents = ['beforeClaim', 'jobStarted', 'jobCompleted', 'exit'] as const;
export type HookEvent = (typeof hookEvents)[number];

export interface Hook {
  readonly event: HookEvent;
  /** On the node. */
  readonly script: string;
  readonly timeLimitMs: number;
}
