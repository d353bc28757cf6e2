// A NestJS application's Kafka client, driven by a test: one JSON command on each line of standard
// input, one JSON outcome on each line of standard output, in the order of their completion.

import { ClientKafka, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { createInterface } from 'node:readline';
import { lastValueFrom, timeout } from 'rxjs';

interface Command {
  id: number;
  kind: 'send' | 'emit';
  topic: string;
  data: unknown;
}

const TOPICS = ['user.register', 'user.validate', 'user.find', 'user.update'];

function connectTo(brokers: string[]): ClientKafka {
  return ClientProxyFactory.create({
    transport: Transport.KAFKA,
    options: {
      client: { clientId: 'nestjs', brokers, logLevel: 1 },
      consumer: { groupId: 'nestjs-app' },
    },
  }) as unknown as ClientKafka;
}

// `lastValueFrom`, not `firstValueFrom`: it also needs the stream to end.
async function run(client: ClientKafka, { id, kind, topic, data }: Command): Promise<object> {
  try {
    const answers = client[kind](topic, data).pipe(timeout(20_000));
    return { id, value: await lastValueFrom(answers, { defaultValue: null }) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : error };
  }
}

function say(outcome: object): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

async function main(): Promise<void> {
  const client = connectTo(process.env.KAFKA_BOOTSTRAP_SERVERS!.split(','));
  TOPICS.forEach((topic) => client.subscribeToResponseOf(topic));
  await client.connect();
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    void run(client, JSON.parse(line)).then(say);
  }
  await client.close();
}

void main();
