package delta

import (
	"context"
	"errors"
	"fmt"
)

func crcName(version int64) string { return fmt.Sprintf("%s/%020d.crc", logDir, version) }

// checksum is PROTOCOL.md, "Version Checksum File": what a table is at a version.
type checksum struct {
	TxnID             string    `json:"txnId,omitempty"`
	TableSizeBytes    *number   `json:"tableSizeBytes"`
	NumFiles          *number   `json:"numFiles"`
	NumDeletedRecords *number   `json:"numDeletedRecordsOpt,omitempty"`
	NumVectors        *number   `json:"numDeletionVectorsOpt,omitempty"`
	NumMetadata       int       `json:"numMetadata"`
	NumProtocol       int       `json:"numProtocol"`
	InCommitTimestamp *int64    `json:"inCommitTimestampOpt,omitempty"`
	Metadata          *metaData `json:"metadata"`
	Protocol          *protocol `json:"protocol"`
}

// checksum counts what the state holds.
func (s *state) checksum() checksum {
	var bytes, rows, vectors int64
	for _, f := range s.files {
		bytes += f.Size.value()
		if f.DeletionVector != nil {
			vectors++
			rows += int64(f.DeletionVector.Cardinality)
		}
	}
	info := parseInfo(s.info)
	out := checksum{TxnID: info.TxnID, TableSizeBytes: numberOf(bytes), NumFiles: numberOf(int64(len(s.files))),
		NumMetadata: 1, NumProtocol: 1, InCommitTimestamp: info.InCommitTimestamp, Metadata: s.metaData, Protocol: s.protocol}
	if s.metaData.Configuration["delta.enableDeletionVectors"] == "true" {
		out.NumDeletedRecords, out.NumVectors = numberOf(rows), numberOf(vectors)
	}
	return out
}

// writeChecksum writes the checksum of a version; one that is there stays.
func (t *Table) writeChecksum(ctx context.Context, s *state) error {
	text, err := marshal(s.checksum())
	if err != nil {
		return err
	}
	if err := t.store.PutNew(ctx, crcName(s.version), []byte(text)); err != nil && !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}
