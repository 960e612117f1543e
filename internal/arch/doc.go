// Package arch holds no code, only the rules of which package may import which,
// as tests that read the source files themselves.
//
// Nouns live downstairs, verbs upstairs, and imports only go down. Each heavy
// dependency has one owner, so that a program that imports, say, only
// expectations builds without cgo and without an engine.
//
// A new package needs a line in [packages], below all that it imports; a new
// dependency needs a line in [dependencies] and a section in
// docs/dependencies.md. The failing test says which line. Before a line is
// made longer, see whether the noun that is wanted belongs downstairs, or
// whether the caller can declare an interface of one method:
//
//	go test ./internal/arch
package arch
