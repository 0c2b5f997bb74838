// Reads Mooring's rows from Cassandra as any other program would: plain CQL through an ordinary driver.
import cassandra from 'cassandra-driver';

/** `{collection: {key text: fields}}` of all live records in the keyspace. */
export async function rowsByCql(port, keyspace = 'mooring') {
  const client = new cassandra.Client({ contactPoints: [`127.0.0.1:${port}`], localDataCenter: 'datacenter1', keyspace });
  try {
    const all = {};
    const query = "SELECT key, body FROM partition_rows WHERE kind = 'record' ALLOW FILTERING";
    for await (const { key, body } of client.stream(query, [], { autoPage: true, fetchSize: 500 })) {
      const record = JSON.parse(body);
      if (record.deleted) continue;
      const [collection] = key.split('/', 1);
      (all[collection] ??= {})[JSON.stringify(record.key)] = record.fields;
    }
    return all;
  } finally {
    await client.shutdown();
  }
}
