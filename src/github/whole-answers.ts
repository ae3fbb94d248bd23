/**
 * Octokit takes an answer that breaks off, and one without a body, for an empty page: a listing would lose its jobs. Here
 * such an answer is a failure, before Octokit sees it.
 */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

export function wholeAnswers(fetchWith: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await fetchWith(input, init);
    if (bodiless.has(response.status)) return response;
    // Rejects when the connection ends before the body does.
    const body = await response.arrayBuffer();
    if (response.ok && body.byteLength === 0) throw new TypeError('an answer without a body');
    const { status, statusText, headers } = response;
    const whole = new Response(body, { status, statusText, headers });
    Object.defineProperty(whole, 'url', { value: response.url });
    return whole;
  };
}
