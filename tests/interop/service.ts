// A NestJS user service as a team might have it: users in memory, the patterns of the contract.
// Passwords arrive sealed (RFC 9180), and it opens them with an HPKE implementation of its own.

import 'reflect-metadata';
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  KafkaContext,
  MessagePattern,
  MicroserviceOptions,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { randomUUID } from 'node:crypto';

interface Sealed {
  kid: string;
  sealed: string;
}

interface Credentials {
  email: string;
  password: Sealed;
  name?: string;
}

interface User {
  id: string;
  email: string;
  name: string | null;
  emailVerified: boolean;
  createdAt: string;
  updatedAt: string;
}

const keys: (JsonWebKey & { kid: string })[] = JSON.parse(process.env.USER_PRIVATE_KEYS!).keys;
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes128Gcm(),
});

async function open({ kid, sealed }: Sealed, field: string, context: KafkaContext): Promise<string> {
  const correlationId = context.getMessage().headers!.kafka_correlationId!.toString();
  const info = JSON.stringify(['user-services/1', context.getTopic(), field, correlationId]);
  const { kid: _, ...jwk } = keys.find((key) => key.kid === kid)!;
  const recipientKey = await suite.kem.importKey('jwk', jwk, false);
  const bytes = Uint8Array.from(Buffer.from(sealed, 'base64url'));
  const [enc, ciphertext] = [bytes.slice(0, suite.kem.encSize), bytes.slice(suite.kem.encSize)];
  const opened = await suite.open(
    { recipientKey, enc, info: new TextEncoder().encode(info) },
    ciphertext,
  );
  return new TextDecoder().decode(opened);
}

function refuse(statusCode: number, message: string): never {
  throw new RpcException({ statusCode, message });
}

@Controller()
class UserController {
  private readonly users = new Map<string, User>();
  private readonly passwords = new Map<string, string>();

  @MessagePattern('user.register')
  async register(@Payload() given: Credentials, @Ctx() context: KafkaContext): Promise<User> {
    if (this.byEmail(given.email)) refuse(409, 'Email already exists');
    const now = new Date().toISOString();
    const user: User = {
      id: randomUUID(),
      email: given.email,
      name: given.name ?? null,
      emailVerified: false,
      createdAt: now,
      updatedAt: now,
    };
    this.passwords.set(user.id, await open(given.password, 'password', context));
    this.users.set(user.id, user);
    return user;
  }

  @MessagePattern('user.validate')
  async validate(@Payload() given: Credentials, @Ctx() context: KafkaContext): Promise<User> {
    const user = this.byEmail(given.email);
    const password = await open(given.password, 'password', context);
    if (!user || this.passwords.get(user.id) !== password) refuse(401, 'Invalid credentials');
    return user;
  }

  @MessagePattern('user.find')
  find(@Payload() { id }: { id: string }): User {
    return this.users.get(id) ?? refuse(404, 'User not found');
  }

  // What a NestJS team's own bug looks like on the wire: an exception that is no RpcException.
  @MessagePattern('user.update')
  update(@Payload() { id, name }: { id: string; name: string }): User {
    if (name === 'a bug') throw new Error('TypeError somewhere');
    const user = { ...this.find({ id }), name, updatedAt: new Date().toISOString() };
    this.users.set(id, user);
    return user;
  }

  @EventPattern('notification.send.welcome')
  welcome(@Payload() event: object, @Ctx() context: KafkaContext): void {
    process.stdout.write(`event ${context.getTopic()} ${JSON.stringify(event)}\n`);
  }

  private byEmail(email: string): User | undefined {
    return [...this.users.values()].find((user) => user.email === email);
  }
}

@Module({ controllers: [UserController] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
    transport: Transport.KAFKA,
    options: {
      client: { clientId: 'nestjs', brokers: process.env.KAFKA_BOOTSTRAP_SERVERS!.split(',') },
      consumer: { groupId: 'user-service' },
    },
  });
  await app.listen();
  process.stdout.write('NestJS user service listens\n');
}

void main();
