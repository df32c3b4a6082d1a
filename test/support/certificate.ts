import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Makes a certificate for 127.0.0.1 that only itself vouches for, and its key, in a directory. Answers the two paths. */
export const selfSigned = (directory: string): { cert: string; key: string } => {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', key, '-out', cert],
    ],
    { stdio: 'pipe' },
  );
  return { cert, key };
};

/** What has a redis-server listen with it, whatever clients show. */
export const tlsArgs = (port: number, { cert, key }: { cert: string; key: string }): string[] => [
  ...['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key],
  ...['--tls-auth-clients', 'no'],
];
