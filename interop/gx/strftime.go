package gx

import (
	"regexp"
	"strings"
)

// Patterns of strptime's directives, which take one digit where two are usual.
var strptime = map[byte]string{
	'Y': `[0-9]{4}`, 'y': `[0-9]{2}`, 'm': `(?:1[0-2]|0?[1-9])`, 'd': `(?:3[01]|[12][0-9]|0?[1-9])`, 'j': `(?:36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0?[1-9][0-9]|0{0,2}[1-9])`,
	'H': `(?:2[0-3]|[01][0-9]|[0-9])`, 'I': `(?:1[0-2]|0?[1-9])`, 'M': `[0-5]?[0-9]`, 'S': `(?:6[01]|[0-5]?[0-9])`, 'f': `[0-9]{1,6}`, 'p': `[AP]M`,
	'z': `(?:[+-][0-9]{2}:?[0-5][0-9](?::?[0-5][0-9](?:\.[0-9]{1,6})?)?|Z)`, 'Z': `(?:UTC|GMT)?`,
	'a': `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)`, 'A': `(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)`, 'w': `[0-6]`, 'u': `[1-7]`,
	'b': `(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)`, 'B': `(?:January|February|March|April|May|June|July|August|September|October|November|December)`,
	'U': `(?:5[0-3]|[0-4]?[0-9])`, 'W': `(?:5[0-3]|[0-4]?[0-9])`, 'G': `[0-9]{4}`, 'V': `(?:5[0-3]|0[1-9]|[1-4][0-9]|[0-9])`, '%': `%`,
}

// months are directives by how many days the months have: one entry is one way
// to be a day of the calendar.
var months = []map[byte]string{
	{'m': `(?:0?[13578]|1[02])`, 'b': `(?:Jan|Mar|May|Jul|Aug|Oct|Dec)`, 'B': `(?:January|March|May|July|August|October|December)`},
	{'m': `(?:0?[469]|11)`, 'b': `(?:Apr|Jun|Sep|Nov)`, 'B': `(?:April|June|September|November)`, 'd': `(?:30|[12][0-9]|0?[1-9])`},
	{'m': `0?2`, 'b': `Feb`, 'B': `February`, 'd': `(?:2[0-8]|1[0-9]|0?[1-9])`},
	{'m': `0?2`, 'b': `Feb`, 'B': `February`, 'd': `29`,
		'Y': `(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)`, 'y': `(?:[02468][048]|[13579][26])`},
}

var (
	composed  = strings.NewReplacer("%c", "%a %b %d %H:%M:%S %Y", "%x", "%m/%d/%y", "%X", "%H:%M:%S", "%D", "%m/%d/%y", "%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%R", "%H:%M")
	dayFormat = regexp.MustCompile(`%d`)
	monthName = regexp.MustCompile(`%[mbB]`)
	allSpaces = regexp.MustCompile(`\s+`)
)

// strftime is the pattern of the texts that Python's strptime reads by a format.
func strftime(format string) (string, error) {
	format = composed.Replace(format)
	ways := []map[byte]string{{}}
	if dayFormat.MatchString(format) && monthName.MatchString(format) {
		ways = months
	}
	var all []string
	for _, way := range ways {
		var b strings.Builder
		for i := 0; i < len(format); i++ {
			c := format[i]
			if c != '%' {
				j := i
				for j < len(format) && format[j] != '%' {
					j++
				}
				b.WriteString(allSpaces.ReplaceAllString(regexp.QuoteMeta(format[i:j]), `\s+`))
				i = j - 1
				continue
			}
			i++
			if i == len(format) {
				return "", refused("the format %q ends within a directive", format)
			}
			part, ok := way[format[i]]
			if !ok {
				part, ok = strptime[format[i]]
			}
			if !ok {
				return "", refused("the format %q has %%%c, which is not known", format, format[i])
			}
			b.WriteString(part)
		}
		all = append(all, b.String())
	}
	return `(?i)^(?:` + strings.Join(all, "|") + `)$`, nil
}

// noDay is the pattern of texts that name a day which its month has not.
const noDay = `^\s*(?:[0-9]{4}[-/. ])?(?:0?2[-/. ]3[01]|3[01][-/. ]0?2|(?:0?[469]|11)[-/. ]31|31[-/. ](?:0?[469]|11))(?:$|[^0-9])`

// dateText is the pattern of the texts that dateutil reads as a date or a time:
// numbers with separators, names of months and of days, times of day, in the usual
// orders.
var dateText = func() string {
	const (
		space = `[\s,]+`
		year  = `(?:[0-9]{4}|'?[0-9]{2})`
		num   = `(?:3[01]|[12][0-9]|0?[1-9])`
		month = `(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`
		name  = `(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\.?`
		day   = num + `(?:st|nd|rd|th)?`
		sep   = `[-/. ]`
		zone  = `\s*(?:z|utc|gmt|[ecmp][sd]t|[+-][0-9]{2}:?(?:[0-9]{2})?)`
		clock = `(?:(?:2[0-3]|[01]?[0-9]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?:\s*[ap]\.?m\.?)?|(?:1[0-2]|0?[1-9])\s*[ap]\.?m\.?)(?:` + zone + `)?`
	)
	compact := `(?:(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:t?(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?)?|[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))`
	dates := []string{
		year + sep + num + sep + num, num + sep + num + sep + year, // 2020-1-31, 31/1/2020
		year + sep + num, num + sep + year, num + `[-/]` + num, `[0-9]{4}`, num, compact,
		day + `(?:\s+of)?` + `[-/. ,]*` + month + `(?:[-/. ,]+` + year + `)?`, // 23 April 1973
		month + `[-/. ,]*` + day + `(?:[-/. ,]+` + year + `)?`,                // January 9, 2016
		month + `(?:[-/. ,]+` + year + `)?`, year + `[-/. ,]*` + month + `(?:[-/. ,]*` + day + `)?`,
	}
	date := `(?:` + strings.Join(dates, "|") + `)`
	return `(?i)^\s*(?:(?:` + name + space + `)?` + date + `(?:(?:t|` + space + `)` + clock + `)?|` + name + `|` + clock + `(?:` + space + date + `)?)\s*$`
}()
