import { ofChildren } from './children.js';
import { ofData } from './data.js';
import { ofNetwork } from './network.js';
import { ofOperators } from './operators.js';
import { ofPython } from './python.js';
import { ofRedis } from './redis.js';
import { ofWorkers } from './workers.js';

export const nemeses = [
  ...ofWorkers,
  ...ofChildren,
  ...ofRedis,
  ...ofNetwork,
  ...ofData,
  ...ofOperators,
  ...ofPython,
];
