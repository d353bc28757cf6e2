// The user service of a NestJS system: a row from PostgreSQL for each question.

import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  MessagePattern,
  MicroserviceOptions,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { Pool } from 'pg';

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4 });

@Controller()
class UserController {
  @MessagePattern('nestjs.user.find')
  async find(@Payload() { id }: { id: string }): Promise<object> {
    const { rows } = await pool.query(
      'SELECT id, email, name, created_at AS "createdAt", updated_at AS "updatedAt" FROM users WHERE id = $1',
      [id],
    );
    if (!rows.length) throw new RpcException({ statusCode: 404, message: 'User not found' });
    return rows[0];
  }
}

@Module({ controllers: [UserController] })
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
    transport: Transport.KAFKA,
    logger: false,
    options: {
      client: { clientId: 'user', brokers: process.env.KAFKA_BOOTSTRAP_SERVERS!.split(',') },
      consumer: { groupId: 'nestjs-user' },
    },
  });
  await app.listen();
  process.stdout.write('NestJS user service listens\n');
}

void main();
