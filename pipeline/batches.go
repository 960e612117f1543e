package pipeline

import (
	"context"
	"iter"

	"github.com/dq-dev/dq/record"
)

// Batches runs the pipeline until no source file waits for a batch of its own, or
// a batch is refused or fails: the files after it are left as they are, and the
// next run begins with it. It gives what [Pipeline.Run] returns, a batch after the
// other; of a pipeline without batch: file there is one.
func (p *Pipeline) Batches(ctx context.Context, opt Options) iter.Seq2[*record.Run, error] {
	return func(yield func(*record.Run, error) bool) {
		for {
			run, err := p.Run(ctx, opt)
			if !yield(run, err) || err != nil {
				return
			}
			taken := 0
			for _, l := range run.Layers {
				if l.Outcome != "published" && l.Outcome != "unchanged" {
					return
				}
				for _, t := range l.Tables {
					if t.Source != nil {
						taken++
					}
				}
			}
			// The first run takes no file when an earlier one left tables behind.
			if run.Waiting() == 0 || taken == 0 && opt.caughtUp {
				return
			}
			opt.caughtUp, opt.FullRefresh = true, false
			if taken > 0 {
				opt.Done++
			}
		}
	}
}
