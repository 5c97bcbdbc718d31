// A real OpenID provider, panva's oidc-provider, whose tokens look like Entra's: its issuer is a tenant's in format
// 2.0, and people have tid, oid, groups and roles. One JSON object on standard input says who and what:
//   {"tenant", "clients": [...], "people": {"login": {claims...}}, "port", "proofs": [...]}
// One line of JSON on standard output says where it listens. It ends when standard input does.

import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';

const input = createInterface({ input: process.stdin });
const asked = JSON.parse(await new Promise((resolve) => input.once('line', resolve)));
input.once('close', () => process.exit(0));

const server = createServer();
await new Promise((resolve) => server.listen(asked.port ?? 0, '127.0.0.1', resolve));
const path = `/${asked.tenant}/v2.0`;
const issuer = `http://127.0.0.1:${server.address().port}${path}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const own = ['tid', 'oid', 'ver', 'groups', 'roles', 'acrs', 'hasgroups'];

const provider = new Provider(issuer, {
  clients: asked.clients,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'RS256' }] },
  clientAuthMethods: asked.proofs,
  cookies: { keys: [randomBytes(32).toString('hex')] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub', ...own], profile: ['name', 'preferred_username'], acr: null, auth_time: null, iss: null },
  acrValues: ['mfa-context'],
  features: {
    deviceFlow: { enabled: true },
    claimsParameter: { enabled: true },
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: `pairwise-${id}`, ver: '2.0', tid: asked.tenant, ...asked.people[id] }),
  }),
});
provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`));

const answer = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith(path)) return response.writeHead(404).end();
  request.originalUrl = request.url;
  request.url = request.url.slice(path.length) || '/';
  return answer(request, response);
});
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
