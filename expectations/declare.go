package expectations

import (
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Declaration is what a suite says of its table as a whole, for people and for
// policies; no rule of the suite depends on it.
type Declaration struct {
	Steward         string // who looks after the data, beside the owner
	Domain          string
	Tags            []string // team.sales, cost=12
	Classification  string   // how confidential its rows are, such as internal
	Certified       bool
	DeprecatedSince string   // 2006-01-02
	ReplacedBy      string   // the table that is to be read instead
	Readers         []string // what reads the table, by the names of the policies' configuration: delta@3.2
	RetentionDays   *int     // how long rows are kept; nil for no limit
	PersonalData    PersonalData
	Contract        Contract
	SLA             SLA
}

// Contract is what the owner promises to readers.
type Contract struct {
	ID            string
	Version       string
	Compatibility string            // one of Compatibilities, or ""
	Sunset        map[string]string // version to the date until which it lives on
}

// Compatibilities are what a contract can promise of the next versions of its
// table: backward, that the next schema can read this version's rows; forward, that this
// schema can read the next version's rows; full, both; the transitive ones of all versions.
var Compatibilities = []string{"backward", "forward", "full", "none", "backward_transitive", "forward_transitive", "full_transitive"}

// SLA is the service level of a table, as the suite writes it.
type SLA struct{ Freshness, Availability string }

// PersonalData says why personal data are held: of a column, or of all those of a table.
type PersonalData struct {
	Purpose       string
	LegalBasis    string // one of legalBases, or ""
	RetentionDays *int
}

// legalBases are those of article 6 of the GDPR.
var legalBases = []string{"consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"}

var declarationKeys = []string{"steward", "domain", "tags", "classification", "certified", "deprecated_since", "replaced_by", "readers", "retention",
	"personal_data", "contract", "sla"}

func readDeclaration(f map[string]*yamlpos.Node) Declaration {
	d := Declaration{Steward: optional(f["steward"]), Domain: optional(f["domain"]), Classification: optional(f["classification"]),
		Tags: f["tags"].Strings("tags"), Readers: f["readers"].Strings("readers"), ReplacedBy: optional(f["replaced_by"]),
		RetentionDays: days(f["retention"]), PersonalData: readPersonalData(f["personal_data"])}
	if n := f["certified"]; n != nil {
		d.Certified = n.Bool()
	}
	if n := f["deprecated_since"]; n != nil {
		d.DeprecatedSince = date(n)
	}
	c := f["contract"].Map("contract", "id", "version", "compatibility", "sunset")
	d.Contract.ID, d.Contract.Version = optional(c["id"]), optional(c["version"])
	if n := c["compatibility"]; n != nil {
		n.Text = strings.ToLower(n.Text) // registries write BACKWARD
		d.Contract.Compatibility = n.OneOf("compatibility", Compatibilities...)
	}
	for _, e := range c["sunset"].Pairs("sunset") {
		if d.Contract.Sunset == nil {
			d.Contract.Sunset = map[string]string{}
		}
		d.Contract.Sunset[e.Key.Text] = date(e.Value)
	}
	s := f["sla"].Map("sla", "freshness", "availability")
	d.SLA = SLA{Freshness: optional(s["freshness"]), Availability: optional(s["availability"])}
	return d
}

func readPersonalData(n *yamlpos.Node) PersonalData {
	f := n.Map("personal_data", "purpose", "legal_basis", "retention")
	p := PersonalData{Purpose: optional(f["purpose"]), RetentionDays: days(f["retention"])}
	if n := f["legal_basis"]; n != nil {
		p.LegalBasis = n.OneOf("legal basis", legalBases...)
	}
	return p
}

// days reads a time in whole days, 730d; nil when it is not given.
func days(n *yamlpos.Node) *int {
	if n == nil {
		return nil
	}
	text := n.String()
	d, err := parseDuration(text)
	if err != nil || d%(24*time.Hour) != 0 || d == 0 {
		if text != "" {
			n.Errorf("write 730d", "%q is no number of days", text)
		}
		return nil
	}
	whole := int(d / (24 * time.Hour))
	return &whole
}

func personalSchema() schemaPart {
	return objectSchema(schemaPart{
		"purpose":     described(stringSchema(), "What the personal data are for."),
		"legal_basis": schemaPart{"enum": legalBases},
		"retention":   daysSchema(),
	})
}

func daysSchema() schemaPart {
	return described(schemaPart{"type": "string", "pattern": "^[1-9][0-9]*d$"}, "In days, such as 730d.")
}

// declarationSchemas are the parts of a suite's JSON Schema for what it declares.
func declarationSchemas() schemaPart {
	return schemaPart{
		"steward":          stringSchema(),
		"domain":           stringSchema(),
		"tags":             listSchema(stringSchema(), false),
		"classification":   described(stringSchema(), "How confidential its rows are, such as public, internal, confidential."),
		"certified":        described(schemaPart{"type": "boolean"}, "Somebody has approved it for use."),
		"deprecated_since": dateSchema(),
		"replaced_by":      stringSchema(),
		"readers":          described(listSchema(stringSchema(), false), "What reads the table, such as delta@3.2."),
		"retention":        daysSchema(),
		"personal_data":    described(personalSchema(), "For the columns that are tagged as personal data and do not say it themselves."),
		"contract": objectSchema(schemaPart{"id": scalarSchema(), "version": scalarSchema(),
			"compatibility": schemaPart{"enum": anyCase(Compatibilities)}, "sunset": mapSchema(dateSchema())}),
		"sla": objectSchema(schemaPart{"freshness": scalarSchema(), "availability": scalarSchema()}),
	}
}

// anyCase has names in small letters, and in capitals.
func anyCase(names []string) []string {
	out := slices.Clone(names)
	for _, name := range names {
		out = append(out, strings.ToUpper(name))
	}
	return out
}
