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
  // --- agent: folder and spool ---
  {
    name: 'reused epoch',
    file: 'agent/spool/epoch.ts',
    find: '  return Math.max((kept ?? 0) + 1, epochAt(unixMs));',
    replace: '  return kept ?? epochAt(unixMs);',
  },
  {
    name: 'spool acknowledged by what is applied',
    file: 'agent/spool/telling.ts',
    find: '    const kept = this.#ahead.findIndex(({ seq }) => seq > durableSeq);',
    replace: '    const kept = this.#ahead.findIndex(({ seq }) => seq > appliedSeq);',
  },
  {
    name: 'spooled before it is on the disk',
    file: 'agent/spool/spooling.ts',
    find: '    const failure = await this.#parts.spool!.commit();',
    replace:
      '    this.#parts.slots.spooled(records);\n    const failure = await this.#parts.spool!.commit();',
  },
  {
    name: 'watched up to the last scan',
    file: 'agent/spool/spooling.ts',
    find: '    for (const { closedAtMs } of slots.unsafe) if (closedAtMs! < unixMs) unixMs = closedAtMs!;',
    replace: '    if (slots.unsafe.size >= 0) unixMs = this.#scannedMs;',
  },
  {
    name: 'unlink before cursor',
    file: 'agent/spool/spool.ts',
    find: '    const cursor = this.#cursor;\n    const unixMs = this.#cursorUnixMs;\n',
    replace:
      '    const cursor = this.#cursor;\n    const unixMs = this.#cursorUnixMs;\n    this.#savedCursor = this.#reader.place;\n    this.#dropTold();\n',
  },
  {
    name: 'absence not declared',
    file: 'agent/spool/keeping.ts',
    find: '    gaps.unwatched(reason, Math.min(folder.before.unixMs, startedAtMs), finishedAtMs);',
    replace: '    gaps.unwatched(reason, finishedAtMs, finishedAtMs);',
  },
  // --- disk and journal ---
  {
    name: 'commit without fsync',
    file: 'disk/segments.ts',
    find: '        await this.#open!.file.sync();',
    replace: '        await Promise.resolve();',
  },
  {
    name: 'torn record accepted',
    file: 'disk/records.ts',
    find: '  const isWhole = crc32(body) === bytes.readUInt32LE(at + 4);',
    replace: '  const isWhole = crc32(body) >= 0;',
  },
  {
    name: 'ack before fsync',
    file: 'aggregator/ingest/acknowledgements.ts',
    find: '    if (this.#journal === null) this.#durableSeq = seq;',
    replace: '    this.#durableSeq = seq;',
  },
  {
    name: 'durable though the commit failed',
    file: 'aggregator/journal/journal.ts',
    find: '    for (const [stream, seq] of told) stream.committed(failed === null ? seq : null);',
    replace: '    for (const [stream, seq] of told) stream.committed(seq);',
  },
  {
    name: 'leases forgotten by the journal',
    file: 'aggregator/journal/journal.ts',
    find: "    this.#write({ kind: 'lease', atMs: nowMs, hostId, state });",
    replace: '    void state;',
  },
  // --- what the simulation has found ---
  {
    name: 'what is never acknowledged is waited for',
    file: 'agent/export/send-window.ts',
    find: '    return this.#inFlight.length > 0 && nowMs - this.#movedMs >= ackSilenceMs;',
    replace: '    return nowMs < 0;',
  },
  {
    name: 'halves that leave in the midst of a block',
    file: 'aggregator/core/match-halves.ts',
    find: '  const leaveWithHalves = leavingWith(rows, half, from, slots, leave);',
    replace: '  const leaveWithHalves = leavingWith === undefined ? leavingWith : leave;',
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
    find: '    const isResent = ({ closedAtMs, id }: OpenedRow): boolean => closedAtMs !== null && this.#told.has(id);',
    replace: '    const isResent = ({ id }: OpenedRow): boolean => id < 0;',
  },
  {
    name: 'snapshot does not replace missing rows',
    file: 'aggregator/ingest/agent-table.ts',
    find: '    for (const row of gone) this.#close(row.socket, nowMs, nowMs);',
    replace: '',
  },
  {
    name: 'gap resent counted twice',
    file: 'aggregator/ingest/agent-record.ts',
    find: '    if (told?.addGap(gap.id) !== true) return;',
    replace: '    told?.addGap(gap.id);',
  },
  // --- aggregator: leases ---
  {
    name: 'lease never expires',
    file: 'aggregator/ingest/hosts.ts',
    find: '      if (outOfStepMs >= this.#limits.staleAfterMs && this.#becomeStale(record, now))',
    replace: '      if (outOfStepMs < 0 && this.#becomeStale(record, now))',
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
