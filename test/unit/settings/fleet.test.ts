import { describe, expect, it } from 'vitest';
import { readSettings } from '../../../lib/settings/settings.ts';

function problemsOf(values: Readonly<Record<string, string>>): readonly string[] {
  const outcome = readSettings({ 'tidelog.store': 'memory', ...values });
  return outcome.kind === 'invalid' ? outcome.problems : [];
}

describe('the settings of a fleet', () => {
  it('have no place for node 0, nor for heartbeats that a session does not hold two of', () => {
    expect(problemsOf({ 'tidelog.fleet': 'true' })).toEqual([]);
    expect(problemsOf({ 'tidelog.fleet': 'true', 'node.id': '1' })).toEqual([]);
    expect(problemsOf({ 'tidelog.fleet': 'true', 'node.id': '0' })).toEqual([expect.stringContaining('node.id: 0')]);
    const halves = { 'broker.session.timeout.ms': '4000', 'broker.heartbeat.interval.ms': '2000' };
    expect(problemsOf({ 'tidelog.fleet': 'true', ...halves })).toEqual([]);
    const more = { ...halves, 'broker.heartbeat.interval.ms': '2001' };
    expect(problemsOf({ 'tidelog.fleet': 'true', ...more })).toEqual([expect.stringContaining('more than half')]);
  });

  it('mean nothing to a sidecar', () => {
    expect(problemsOf({ 'node.id': '0', 'broker.heartbeat.interval.ms': '9000' })).toEqual([]);
  });
});
