-- The log of a table whose checkpoint names 300,000 files, in 30 partitions, with
-- statistics. There are no such files: only the log is loaded.
CREATE TEMP MACRO stats(i) AS '{"numRecords":10000,"minValues":{' || array_to_string([
  '"c' || c || '":' || (i * 10000 + c) FOR c IN range(12)], ',') || ',"text":"aaaa' || i || '"},"maxValues":{' || array_to_string([
  '"c' || c || '":' || (i * 10000 + c + 9999) FOR c IN range(12)], ',') || ',"text":"zzzz' || i || '"},"nullCount":{' || array_to_string([
  '"c' || c || '":0' FOR c IN range(12)], ',') || ',"text":0}}';
CREATE TEMP MACRO field(name, kind) AS '{"name":"' || name || '","type":"' || kind || '","nullable":true,"metadata":{}}';

COPY (
  SELECT {minReaderVersion: 1, minWriterVersion: 2} AS protocol, NULL AS metaData, NULL AS add
  UNION ALL BY NAME
  SELECT {id: '5b0c3f6e-8f1c-4a53-9f43-0b6f3a8a2c11', format: {provider: 'parquet', options: MAP {}::MAP(VARCHAR, VARCHAR)},
    schemaString: '{"type":"struct","fields":[' || array_to_string([field('c' || c, 'long') FOR c IN range(12)], ',') || ',' || field('text', 'string') || ',' || field('day', 'string') || ']}',
    partitionColumns: ['day'], configuration: MAP {}::MAP(VARCHAR, VARCHAR), createdTime: 1700000000000} AS metaData
  UNION ALL BY NAME
  SELECT {path: 'day=2024-01-' || lpad((1 + i % 30)::VARCHAR, 2, '0') || '/part-' || lpad(i::VARCHAR, 5, '0') || '-' || uuid() || '-c000.snappy.parquet',
    partitionValues: MAP {'day': '2024-01-' || lpad((1 + i % 30)::VARCHAR, 2, '0')}, size: 1000000 + i, modificationTime: 1700000000000 + i, dataChange: false, stats: stats(i)} AS add
  FROM range(300000) r(i)
) TO '{log}/00000000000000000010.checkpoint.parquet' (FORMAT parquet, COMPRESSION snappy);

COPY (SELECT 10 AS version, 300002 AS size) TO '{log}/_last_checkpoint' (FORMAT json);
COPY (SELECT {timestamp: 1700000000000, operation: 'WRITE'} AS commitInfo) TO '{log}/00000000000000000010.json' (FORMAT json);
