// @ts-check
import { aptInstall, canAptInstall } from './debian.mjs';
import { RedisServer } from './redis-server.mjs';
import { Refusal, run, say, whenDone } from './running.mjs';

/**
 * The Redis that a command works against: the one of REDIS_URL, else a private server that ends with us.
 *
 * @returns {Promise<{ url: string, isOurs: boolean }>}
 * @throws {Refusal} when there is none and none can be installed
 */
export async function provideRedis() {
  const given = process.env.REDIS_URL;
  if (given) return { url: given, isOurs: false };
  return { url: await providePrivateRedis(), isOurs: true };
}

/**
 * Many tests start servers of their own, with rules of ACL and a cluster as 7.0 knows them.
 *
 * @throws {Refusal} when the one on the PATH is older
 */
export async function requireNewRedisBinary() {
  await provideRedisBinary();
  const { output } = await run('redis-server', ['--version'], { output: 'collect' });
  const version = / v=((\d+)\S*)/.exec(output);
  if (Number(version?.[2]) >= 7) return;
  throw new Refusal(
    `The redis-server on the PATH is ${version?.[1] ?? 'of an unknown version'}: the tests need 7.0 or newer, though rxrq itself needs only 6.2.`,
  );
}

/** A private server, REDIS_URL or not: for what must not share its Redis with anybody. */
export async function providePrivateRedis() {
  await provideRedisBinary();
  const server = await RedisServer.start();
  whenDone(() => server.stop());
  say(`private redis-server at ${server.url}`);
  return server.url;
}

async function provideRedisBinary() {
  if (await hasRedisBinary()) return;
  if (!canAptInstall()) {
    throw new Refusal(
      'There is no redis-server on the PATH: install Redis 6.2 or newer (apt-get install redis-server, ' +
        'brew install redis), or set REDIS_URL to an empty one.',
    );
  }
  await aptInstall(['redis-server']);
  if (!(await hasRedisBinary())) throw new Refusal('apt-get brought no working redis-server.');
}

async function hasRedisBinary() {
  const { code } = await run('redis-server', ['--version'], { output: 'drop' });
  return code === 0;
}
