package main

import (
	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
)

func (a *app) cmdSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema pipeline|suite|kind|policies|policy-input",
		Short: "Print the JSON Schema of a file, for editors",
		Long: `schema prints the JSON Schema (draft 7) of a file, by which editors complete and
check it: pipeline, suite, with the project's own kinds, kind, policies, the config.yaml of a
folder of policies, or policy-input, the document that they see. In VS Code, with the YAML extension, begin a suite with

  # yaml-language-server: $schema=suite.schema.json`,
		Example:   "  dq schema suite > suite.schema.json\n  dq schema pipeline > pipeline.schema.json\n  dq schema policy-input > input.schema.json",
		ValidArgs: []string{"pipeline", "suite", "kind", "policies", "policy-input"},
		Args:      cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && args[0] == "pipeline":
				_, err := a.out.Write(pipeline.FileSchema())
				return err
			case len(args) == 1 && args[0] == "suite":
				kinds, err := allKinds()
				if err != nil {
					return err
				}
				_, err = a.out.Write(expectations.SuiteSchema(kinds))
				return err
			case len(args) == 1 && args[0] == "kind":
				_, err := a.out.Write(expectations.KindSchema())
				return err
			case len(args) == 1 && args[0] == "policies":
				bundle, err := policies.Load(cmd.Context(), policies.Options{})
				if err != nil {
					return err
				}
				_, err = a.out.Write(policies.ConfigSchema(bundle.Policies()))
				return err
			case len(args) == 1 && args[0] == "policy-input":
				_, err := a.out.Write(policies.InputSchema())
				return err
			}
			return usagef("write dq schema pipeline, suite, kind, policies or policy-input")
		},
	}
}
