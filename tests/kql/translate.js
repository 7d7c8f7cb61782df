// KQL to query DSL by Kibana's own parser: a JSON list of strings in, of queries (or errors) out.
const { fromKueryExpression, toElasticsearchQuery } = require('@cybernetex/kbn-es-query');

const translate = (kql) => {
  try {
    return { dsl: toElasticsearchQuery(fromKueryExpression(kql)) };
  } catch (error) {
    return { error: error.message };
  }
};

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(asked.map(translate)));
