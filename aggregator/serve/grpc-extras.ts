/** Health and reflection: what stock gRPC clients, probes and load balancers ask a server. */
import type * as grpc from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath } from 'grpc-health-check';
import { reflectedDefinition } from '../../wire/proto-file.ts';

const services = ['', 'whotalks.v1.Ingest', 'whotalks.v1.Query'] as const;

export interface Health {
  /** Tells every health watcher whether calls are taken. */
  setServing(isServing: boolean): void;
}

/** Adds `grpc.health.v1.Health` and both versions of server reflection. It begins as serving. */
export function addHealthAndReflection(server: grpc.Server): Health {
  const health = new HealthImplementation(Object.fromEntries(services.map((name) => [name, 'SERVING'])));
  health.addToServer(server as unknown as Parameters<HealthImplementation['addToServer']>[0]);
  new ReflectionService(reflectedDefinition(protoPath)).addToServer(server);
  return {
    setServing: (isServing) => {
      for (const name of services) health.setStatus(name, isServing ? 'SERVING' : 'NOT_SERVING');
    },
  };
}
