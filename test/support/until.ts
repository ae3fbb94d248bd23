/** Waits for a condition, by looking often. @throws Error when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeLimitMs = 30_000,
  everyMs = 25,
): Promise<void> {
  const deadline = performance.now() + timeLimitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${timeLimitMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
