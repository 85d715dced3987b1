/**
 * The fleet as it truly is: hosts whose processes open and close connections, and a ledger of every socket there ever was.
 * It goes on whatever becomes of agents.
 */
import type { Chance } from '../engine/chance.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Trace } from '../engine/trace.ts';
import {
  type Conversation,
  type ConversationParts,
  type ConversationPlan,
  closeConversation,
} from './conversation.ts';
import { type SocketIdentity, TrueSocket } from './true-socket.ts';
import { WorldHost } from './world-host.ts';
import type { WorldPlan } from './world-plan.ts';

/** An address that nobody reports. */
const foreignIp = '198.51.100.7';

const firstServicePort = 8000;

interface Service {
  readonly name: string;
  readonly port: number;
  readonly hosts: readonly WorldHost[];
  readonly workers: number;
}

export interface WorldParts {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly trace: Trace;
}

export class World {
  readonly hosts: readonly WorldHost[];
  /** Every socket there ever was, by its fd. */
  readonly ledger = new Map<number, TrueSocket>();
  readonly conversations = new Map<number, Conversation>();
  readonly #plan: WorldPlan;
  readonly #parts: WorldParts;
  readonly #services: readonly Service[];
  #lastFd = 100;
  #lastConversation = 0;
  #isQuiet = false;
  readonly #lives: ConversationParts;

  constructor(plan: WorldPlan, parts: WorldParts) {
    this.#plan = plan;
    this.#parts = parts;
    const { chance, time } = parts;
    this.#lives = { time, vanish: (socket) => this.#vanish(socket) };
    this.hosts = Array.from({ length: plan.hosts }, (_, index) => new WorldHost(index));
    this.#services = Array.from({ length: plan.services }, (_, index) => ({
      name: `svc${index}`,
      port: firstServicePort + index,
      hosts: this.hosts.filter((host) => host.index === index % plan.hosts || chance.happens(0.2)),
      workers: chance.happens(0.3) ? chance.wholeBetween(2, 4) : 1,
    }));
    for (const host of this.hosts) this.#startServices(host);
    this.#planNext();
  }

  /** Nothing opens or closes by itself from now on. */
  becomeQuiet(): void {
    this.#isQuiet = true;
  }

  crashHost(host: WorldHost): void {
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'host crashes', host.name);
    const cutOff = [...host.sockets].filter(({ identity }) => identity.conversation !== null);
    host.crash(time.nowMs);
    for (const { identity } of cutOff) {
      const { client, server, plan } = this.conversations.get(identity.conversation!)!;
      const other = client?.identity.host === host.index ? server : client;
      // The far end hears of it when the host is back, or gives up.
      if (other !== null) time.after(2000 + plan.delayMs, () => this.#vanish(other));
    }
  }

  startHost(host: WorldHost): void {
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'host boots', host.name);
    host.startAgain();
    this.#startServices(host);
  }

  /** Opens a connection that goes on, between two hosts that are up. */
  openLasting(): Conversation | null {
    const { chance } = this.#parts;
    const service = chance.pick(this.#services.filter(({ hosts }) => hosts.some(({ isUp }) => isUp)));
    const server = chance.pick(service.hosts.filter(({ isUp }) => isUp));
    const clients = this.hosts.filter((host) => host.isUp && host !== server);
    if (clients.length === 0) return null;
    const plan = { ...this.#planOf(), queuedMs: 5, lifeMs: Number.POSITIVE_INFINITY };
    return this.#open(service, chance.pick(clients), server, plan);
  }

  #startServices(host: WorldHost): void {
    for (const service of this.#services) {
      if (!service.hosts.includes(host)) continue;
      this.#listen(host, service, 'tcp');
      if (service.port % 3 === 0) this.#listen(host, service, 'udp');
    }
  }

  #listen(host: WorldHost, { name, port, workers }: Service, protocol: 'tcp' | 'udp'): void {
    const identity = this.#identityOf(host, {
      protocol,
      local: { ip: '0.0.0.0', port },
      remote: { ip: '0.0.0.0', port: 0 },
      conversation: null,
      side: null,
    });
    const owners = Array.from({ length: workers }, (_, worker) => host.owner(name, identity.fd, worker));
    this.#add(host, new TrueSocket(identity, protocol === 'tcp' ? 'listen' : 'unconnected', owners));
  }

  #planNext(): void {
    const { time, chance } = this.#parts;
    time.after(-Math.log(1 - chance.next()) * this.#plan.everyMs, () => {
      if (this.#isQuiet) return;
      this.#openSome();
      this.#planNext();
    });
  }

  #openSome(): void {
    const { chance } = this.#parts;
    const service = chance.pick(this.#services);
    const server = chance.pick(service.hosts);
    const client = chance.happens(0.1) ? server : chance.pick(this.hosts);
    const plan = this.#planOf();
    if (!server.isUp || !client.isUp) return;
    if (chance.happens(0.05)) this.#openForeign(service, client, plan);
    else this.#open(service, client, server, plan);
  }

  #planOf(): ConversationPlan {
    const { chance } = this.#parts;
    const { intervalMs, timeWaitMs } = this.#plan;
    const life = chance.next();
    const lifeMs =
      life < 0.25
        ? chance.between(1, intervalMs)
        : life < 0.75
          ? chance.between(intervalMs, 6 * intervalMs)
          : chance.between(6 * intervalMs, 60 * intervalMs);
    return {
      delayMs: chance.between(0.1, 5),
      queuedMs: chance.happens(0.1) ? chance.between(100, 3000) : chance.between(0, 20),
      lifeMs,
      closer: chance.happens(0.5) ? 'client' : 'server',
      answeredMs: chance.happens(0.4) ? null : chance.skewed(1, 1500),
      timeWaitMs,
    };
  }

  #open(service: Service, client: WorldHost, server: WorldHost, plan: ConversationPlan): Conversation | null {
    const { chance } = this.#parts;
    const protocol = service.port % 3 === 0 && chance.happens(0.3) ? 'udp' : 'tcp';
    const isLoopback = client === server;
    const serverIp = isLoopback ? '127.0.0.1' : server.ip;
    const clientIp = isLoopback ? '127.0.0.1' : client.ip;
    const port = client.nextPort(this.#plan.ports);
    if (client.find(port, serverIp, service.port) !== undefined) return null;
    const before = server.find(service.port, clientIp, port);
    if (before !== undefined && before.row.state !== 'time-wait') return null;
    if (before !== undefined) this.#vanish(before);
    const tuple = { local: { ip: clientIp, port }, remote: { ip: serverIp, port: service.port } };
    const conversation = this.#begin(service, client, { ...tuple, protocol }, plan);
    const { delayMs } = plan;
    const { time } = this.#parts;
    time.after(protocol === 'udp' ? 0 : 2 * delayMs, () => this.#establish(conversation));
    // A UDP socket that is connected to none goes on being so.
    if (protocol === 'tcp') time.after(delayMs, () => this.#arrive(conversation, service, server));
    return conversation;
  }

  #openForeign(service: Service, client: WorldHost, plan: ConversationPlan): void {
    const port = client.nextPort(this.#plan.ports);
    if (client.find(port, foreignIp, 443) !== undefined) return;
    const tuple = { local: { ip: client.ip, port }, remote: { ip: foreignIp, port: 443 } };
    const conversation = this.#begin(service, client, { ...tuple, protocol: 'tcp' }, plan);
    this.#parts.time.after(2 * plan.delayMs, () => this.#establish(conversation));
  }

  #begin(
    service: Service,
    client: WorldHost,
    tuple: Pick<SocketIdentity, 'local' | 'remote' | 'protocol'>,
    plan: ConversationPlan,
  ): Conversation {
    const { chance, time } = this.#parts;
    const name = chance.pick(this.#services).name;
    const number = ++this.#lastConversation;
    const identity = this.#identityOf(client, { ...tuple, conversation: number, side: 'client' });
    const owners = [client.owner(name, identity.fd)];
    const state = tuple.protocol === 'tcp' ? 'syn-sent' : 'established';
    const socket = new TrueSocket(identity, state, owners);
    const closesAtMs = time.nowMs + plan.lifeMs;
    const names = { client: name, server: service.name };
    const conversation = {
      number,
      plan,
      client: socket,
      server: null,
      names,
      establishedMs: null,
      closesAtMs,
    };
    this.#add(client, socket);
    this.conversations.set(number, conversation);
    if (plan.lifeMs < Number.POSITIVE_INFINITY) {
      time.after(plan.lifeMs, () => {
        // What would end in quiet times goes on.
        if (!this.#isQuiet) closeConversation(conversation, this.#lives);
      });
    }
    return conversation;
  }

  #establish(conversation: Conversation): void {
    const { client } = conversation;
    if (client === null || client.row.state !== 'syn-sent') return;
    client.become('established');
    conversation.establishedMs = this.#parts.time.nowMs;
  }

  /** The handshake is at the server: its connection waits to be accepted, by one of the workers. */
  #arrive(conversation: Conversation, service: Service, server: WorldHost): void {
    const { client, plan, number } = conversation;
    if (!server.isUp || client?.isThere !== true) return;
    const { local, remote } = client.identity;
    const identity = this.#identityOf(server, {
      protocol: 'tcp',
      local: remote,
      remote: local,
      conversation: number,
      side: 'server',
    });
    const socket = new TrueSocket(identity, 'established', [], false);
    conversation.server = socket;
    this.#add(server, socket);
    const { time, chance } = this.#parts;
    const worker = chance.below(service.workers);
    time.after(plan.queuedMs, () => {
      const isWaiting = socket.row.state === 'established' || socket.row.state === 'close-wait';
      if (isWaiting && server.isUp) socket.accept([server.owner(service.name, identity.fd, worker)]);
    });
    if (!chance.happens(0.05)) return;
    // Handed to another worker, as a server does that accepts in one process and works in others.
    time.after(plan.queuedMs + chance.skewed(10, 5000), () => {
      if (socket.row.owners.length > 0) socket.hold([server.owner(service.name, identity.fd, worker + 10)]);
    });
  }

  #identityOf(
    host: WorldHost,
    parts: Pick<SocketIdentity, 'protocol' | 'local' | 'remote' | 'conversation' | 'side'>,
  ): SocketIdentity {
    const fd = ++this.#lastFd;
    const { nowMs } = this.#parts.time;
    const { inode: netns } = host.netns;
    return { fd, inode: 1_000_000 + fd, host: host.index, netns, uid: 1000, bornMs: nowMs, ...parts };
  }

  #add(host: WorldHost, socket: TrueSocket): void {
    host.sockets.add(socket);
    this.#comment(socket, 'begins');
    this.ledger.set(socket.identity.fd, socket);
  }

  #comment({ identity, row }: TrueSocket, what: string): void {
    const { trace, time } = this.#parts;
    if (!trace.isWhole) return;
    const { protocol, local, remote } = row;
    const tuple = `${protocol} ${local.ip}:${local.port}>${remote.ip}:${remote.port}`;
    trace.comment(time.nowMs, `${this.hosts[identity.host]!.name}: fd ${identity.fd} ${what}: ${tuple}`);
  }

  #vanish(socket: TrueSocket): void {
    socket.vanish(this.#parts.time.nowMs);
    this.#comment(socket, 'is gone');
    this.hosts[socket.identity.host]!.sockets.delete(socket);
  }
}
