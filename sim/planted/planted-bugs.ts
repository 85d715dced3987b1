/**
 * Bugs that are planted into the sources one at a time, to prove that the simulation finds them. Each is one place of one file,
 * whose text stands there once, and what stands there instead.
 */

export interface PlantedBug {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  // --- agent: what is watched ---
  {
    name: 'closed on the first missing scan',
    file: 'agent/watch/absence.ts',
    find: "  if (absence.kind === 'present') return { kind, sinceMs: startedAtMs };",
    replace: "  if (absence.kind === 'present') return { kind: 'closed', sinceMs: startedAtMs };",
  },
  {
    name: 'never closed when missing',
    file: 'agent/watch/absence.ts',
    find: "  return { kind: absence.kind === kind ? 'closed' : kind, sinceMs: absence.sinceMs };",
    replace: '  return absence;',
  },
  {
    name: 'a namespace that was not read has no sockets',
    file: 'agent/watch/absence.ts',
    find: "  if (sighting === 'not-looked' || absence.kind === 'closed') return absence;",
    replace: '',
  },
  {
    name: 'a reused tuple goes on',
    file: 'model/continuity.ts',
    find: '  if (phases[now.state] < phases[before.state]) return false;\n  if (before.inode === now.inode) return true;',
    replace: '  if (before.inode >= 0) return true;',
  },
  // --- agent: what is to be told ---
  {
    name: 'stale owner',
    file: 'agent/export/slot-table.ts',
    find: '    if (before.owners !== socket.owners) changes |= changeBits.owners;',
    replace: '',
  },
  {
    name: 'slot reused before its close is acknowledged',
    file: 'agent/export/slot-table.ts',
    find: '    this.#allowForgetting(record);\n  }\n\n  /** Before it counts as told',
    replace: '    this.#release(record);\n  }\n\n  /** Before it counts as told',
  },
  {
    name: 'closes forgotten at reconnect',
    file: 'agent/export/slot-table.ts',
    find: '    for (const record of this.#pending) if (record.closedAtMs !== null) this.#forgettable.add(record);',
    replace:
      '    for (const record of [...this.#records.values()]) if (record.closedAtMs !== null) this.#release(record);',
  },
  {
    name: 'gap not counted',
    file: 'agent/export/slot-table.ts',
    find: `    this.#gaps.lose(
      'closed sockets had to be forgotten before the aggregator took them',
      oldest.openedAtMs,
      oldest.closedAtMs!,
    );`,
    replace: '',
  },
  {
    name: 'gap forgotten at reconnect',
    file: 'agent/export/gap-ledger.ts',
    find: '    this.#resend = [...this.#unacknowledged.flatMap((entry) => entry.gaps), ...this.#resend];',
    replace: '',
  },
  {
    name: 'send window ignored',
    file: 'agent/export/send-window.ts',
    find: '    return this.#inFlight.length < sendWindowBatches && this.#bytes < sendWindowBytes;',
    replace: '    return true;',
  },
  // --- agent: the stream ---
  {
    name: 'session not counted',
    file: 'agent/export/stream.ts',
    find: '    this.#session++;\n',
    replace: '    this.#session = 1;\n',
  },
  {
    name: 'a silent aggregator is waited for',
    file: 'agent/export/heartbeats.ts',
    find: '    return nowMs - this.#lastHeardMs >= serverSilenceMs;',
    replace: '    return false;',
  },
  {
    name: 'a resync is not answered',
    file: 'agent/export/lifecycle.ts',
    find: "  if (state.kind !== 'snapshotting' && state.kind !== 'streaming') return stay(state);",
    replace: '  if (why.length > 0) return stay(state);',
  },
  // --- aggregator: messages ---
  {
    name: 'seq not checked',
    file: 'aggregator/ingest/session.ts',
    find: '    if (batch.seq === lastSeq + 1) return true;',
    replace: '    if (batch.seq > 0) return true;',
  },
  {
    name: 'half a snapshot is visible',
    file: 'aggregator/ingest/session.ts',
    find: '    if ((batch.flags & messageFlags.snapshotEnd) === 0) {',
    replace:
      '    if ((batch.flags & messageFlags.snapshotEnd) === 0) {\n      agent.record.table.replace(snapshot, agent.hello, nowMs);',
  },
  {
    name: 'lower session accepted',
    file: 'aggregator/ingest/hosts.ts',
    find: '  return a.epoch === b.epoch ? a.session > b.session : a.epoch > b.epoch;',
    replace: '  return a.hostId === b.hostId;',
  },
  {
    name: 'an old stream goes on beside a newer one',
    file: 'aggregator/ingest/session.ts',
    find: "    supersede: (reason) => this.end('superseded', reason),",
    replace: '    supersede: () => undefined,',
  },
  {
    name: 'skipped dedupe of closes',
    file: 'aggregator/ingest/agent-table.ts',
    find: '    const resent = this.#closes.ids();',
    replace: '    const resent = new Set<number>();',
  },
  {
    name: 'snapshot does not replace missing rows',
    file: 'aggregator/ingest/agent-table.ts',
    find: '    for (const row of before.values()) if (!known.has(row)) this.#close(row.socket, nowMs, nowMs);',
    replace: '',
  },
  {
    name: 'gap resent counted twice',
    file: 'aggregator/ingest/agent-record.ts',
    find: '    if (gap.id <= this.#lastGapId) return;',
    replace: '',
  },
  // --- aggregator: leases ---
  {
    name: 'lease never expires',
    file: 'aggregator/ingest/hosts.ts',
    find: '      if (outOfStepMs >= this.#limits.staleAfterMs) this.#becomeStale(record, now);',
    replace: '',
  },
  {
    name: 'lease on the wall clock',
    file: 'aggregator/ingest/hosts.ts',
    find: '      const outOfStepMs = now.monotonicMs - record.inStepMs;',
    replace: '      const outOfStepMs = now.unixMs - record.host.lastSeenMs;',
  },
  {
    name: 'a lost host keeps its rows',
    file: 'aggregator/ingest/hosts.ts',
    find: '    this.#reports.hostLost(host, record.table.withdraw(now.unixMs), now.unixMs);',
    replace: '    this.#reports.hostChanged(host, now.unixMs);',
  },
];
