import { parseConfig } from '../../config/load.ts';
import { keepsTheContract } from './source.fixture.ts';
import { staticServers } from './static.ts';

const TEXT = 'load_balancing: {servers: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80"]}';

keepsTheContract(staticServers, () => ({
  settings: parseConfig(TEXT, { file: 'openclaw.yml', env: {} }).settings!,
  without: null,
  settle: () => {},
  expected: ['10.0.0.1:80', '10.0.0.2:80'],
}));
