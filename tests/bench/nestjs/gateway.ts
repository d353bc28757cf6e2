// The gateway of a NestJS system: a guard with a rate limit and a JWT, a profile from Redis, or
// from the user service over Kafka. Nothing is done here that a team would not do.

import 'reflect-metadata';
import {
  CanActivate,
  Controller,
  ExecutionContext,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  OnModuleInit,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { ClientKafka, ClientsModule, Transport } from '@nestjs/microservices';
import { NestExpressApplication } from '@nestjs/platform-express';
import Redis from 'ioredis';
import { firstValueFrom, timeout } from 'rxjs';

const WINDOW_MS = 60_000;
const REQUESTS = 100;
const redis = new Redis(process.env.REDIS_URL!);

@Injectable()
class Guard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest();
    const key = `requests:${request.ip}`;
    const [, [, count]] = (await redis.multi().set(key, 0, 'PX', WINDOW_MS, 'NX').incr(key).exec())!;
    if ((count as number) > REQUESTS) throw new HttpException('Too Many Requests', 429);
    try {
      const token = request.headers.authorization.slice('Bearer '.length);
      request.user = (await this.jwt.verifyAsync(token)).sub;
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}

@Controller()
class Gateway implements OnModuleInit {
  constructor(@Inject('USER') private readonly users: ClientKafka) {}

  async onModuleInit(): Promise<void> {
    this.users.subscribeToResponseOf('nestjs.user.find');
    await this.users.connect();
  }

  @Get('health')
  health(): object {
    return { status: 'ok' };
  }

  @Get('profile')
  @UseGuards(Guard)
  async cached(@Req() request: { user: string }): Promise<object> {
    const found = await redis.get(`profile:${request.user}`);
    if (found) return JSON.parse(found);
    const profile = await this.find(request.user);
    await redis.set(`profile:${request.user}`, JSON.stringify(profile), 'EX', 300);
    return profile;
  }

  @Get('uncached')
  @UseGuards(Guard)
  async uncached(@Req() request: { user: string }): Promise<object> {
    return this.find(request.user);
  }

  private find(id: string): Promise<object> {
    return firstValueFrom(this.users.send('nestjs.user.find', { id }).pipe(timeout(10_000)));
  }
}

@Module({
  imports: [
    JwtModule.register({ secret: process.env.JWT_SECRET }),
    ClientsModule.register([
      {
        name: 'USER',
        transport: Transport.KAFKA,
        options: {
          client: { clientId: 'gateway', brokers: process.env.KAFKA_BOOTSTRAP_SERVERS!.split(',') },
          consumer: { groupId: 'nestjs-gateway' },
        },
      },
    ]),
  ],
  controllers: [Gateway],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
  app.set('trust proxy', true);
  await app.listen(Number(process.env.PORT), '127.0.0.1');
  process.stdout.write('NestJS gateway listens\n');
}

void main();
