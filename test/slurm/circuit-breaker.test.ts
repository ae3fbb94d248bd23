import { describe, expect, it } from 'vitest';
import { SlurmError } from '../../src/domain/errors.ts';
import { calls } from '../../src/slurm/calls.ts';
import { CircuitBreaker, firstOpenMs, longestOpenMs } from '../../src/slurm/circuit-breaker.ts';
import { failureOf } from '../support/failure-of.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const trouble = (kind: SlurmError['kind'] = 'unavailable') =>
  new SlurmError('slurmctld does not answer.', { kind, errorNumber: 5004, notCreated: false });
const fails = (kind?: SlurmError['kind']) => () => Promise.reject(trouble(kind));
const works = () => Promise.resolve('answer');

function breaker() {
  const clock = new VirtualClock();
  const circuit = new CircuitBreaker(clock);
  const look = (call: () => Promise<string>) =>
    circuit.run(calls.states, call).catch((error: unknown) => error);
  const open = async () => {
    for (let time = 0; time < 3; time += 1) await look(fails());
  };
  return { clock, circuit, look, open };
}

describe('the circuit breaker', () => {
  it('opens after three failures in a row, and an answer between them starts afresh', async () => {
    const { circuit, look } = breaker();
    for (const call of [fails(), fails(), works, fails(), fails()]) await look(call);
    expect(circuit.state).toBe('closed');
    await look(fails());
    expect(circuit.state).toBe('open');
  });

  it.each(['auth', 'refused', 'protocol'] as const)('%s is an answer', async (kind) => {
    const { circuit, look } = breaker();
    for (let time = 0; time < 5; time += 1) await look(fails(kind));
    expect(circuit.state).toBe('closed');
  });

  it('open, it calls nothing, says that nothing was sent, and gives the reason', async () => {
    const { circuit, open } = breaker();
    await open();
    let called = false;
    const error = await failureOf(
      SlurmError,
      circuit.run(calls.submit, async () => {
        called = true;
      }),
    );
    expect(called).toBe(false);
    expect(error).toMatchObject({ kind: 'unavailable', errorNumber: null, notCreated: true });
    expect(error.message).toMatch(/^Not sent \(POST \/job\/submit\).* slurmctld does not answer\.$/);
    // The same sentence as before: an observer that logs what is new has nothing to log.
    expect((await failureOf(SlurmError, circuit.run(calls.states, works))).message).toBe(trouble().message);
  });

  it('half-open, one call goes through, which changes nothing; its answer closes it', async () => {
    const { clock, circuit, look, open } = breaker();
    await open();
    clock.advance(firstOpenMs);
    expect(circuit.state).toBe('half-open');
    expect(() => circuit.check(calls.submit)).toThrow(SlurmError);
    const { promise, resolve } = Promise.withResolvers<string>();
    const probe = look(() => promise);
    expect(() => circuit.check(calls.states)).toThrow(SlurmError);
    resolve('answer');
    expect(await probe).toBe('answer');
    expect(circuit.state).toBe('closed');
    expect(await circuit.run(calls.submit, works)).toBe('answer');
  });

  it('stays open for twice as long after each failed probe, up to a bound, and begins afresh when closed', async () => {
    const { clock, circuit, look, open } = breaker();
    await open();
    const waits: number[] = [];
    for (let probe = 0; probe < 6; probe += 1) {
      let waited = 0;
      while (circuit.state === 'open') {
        clock.advance(500);
        waited += 500;
      }
      waits.push(waited);
      await look(fails());
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, longestOpenMs, longestOpenMs, longestOpenMs]);
    clock.advance(longestOpenMs);
    await look(works);
    await open();
    clock.advance(firstOpenMs);
    expect(circuit.state).toBe('half-open');
  });

  it('calls sent before it opened: a failure of theirs lengthens nothing, an answer closes it', async () => {
    const { clock, circuit, look, open } = breaker();
    const [slow, slower] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const [one, two] = [look(() => slow.promise), look(() => slower.promise)];
    await open();
    clock.advance(firstOpenMs - 1);
    slow.reject(trouble());
    await one;
    clock.advance(1);
    expect(circuit.state).toBe('half-open');
    slower.resolve('answer');
    await two;
    expect(circuit.state).toBe('closed');
  });
});
