package lictor.elasticsearch;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.FilteringTokenFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * The three parts of the analyzer of e-mail addresses that the mapping of Elasticsearch's own index
 * <code>.security</code> names, and without which it cannot be made: no API keys, no roles by API. They are in the
 * module analysis-common, which the distribution for integration tests lacks. Their meaning is the one documented
 * under the same names in Elasticsearch's reference of text analysis; options that the mapping does not set are left
 * out.
 */
public final class SecurityIndexAnalysis extends Plugin implements AnalysisPlugin {

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of(
            "uax_url_email",
            (index, environment, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new)
        );
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "unique",
            (index, environment, name, settings) -> factory(name, Unique::new),
            "pattern_capture",
            (index, environment, name, settings) -> {
                List<String> expressions = settings.getAsList("patterns");
                Pattern[] patterns = expressions.stream().map(Pattern::compile).toArray(Pattern[]::new);
                boolean whole = settings.getAsBoolean("preserve_original", true);
                return factory(name, tokens -> new PatternCaptureGroupTokenFilter(tokens, whole, patterns));
            }
        );
    }

    private static TokenFilterFactory factory(String name, UnaryOperator<TokenStream> filter) {
        return new AbstractTokenFilterFactory(name) {
            @Override
            public TokenStream create(TokenStream tokens) {
                return filter.apply(tokens);
            }
        };
    }

    /** Each term once, wherever in the text it stands. */
    private static final class Unique extends FilteringTokenFilter {
        private static final int USUAL_TERMS = 8;

        private final CharTermAttribute term = addAttribute(CharTermAttribute.class);
        private final CharArraySet seen = new CharArraySet(USUAL_TERMS, false);

        Unique(TokenStream tokens) {
            super(tokens);
        }

        @Override
        protected boolean accept() {
            boolean first = !seen.contains(term.buffer(), 0, term.length());
            if (first) {
                seen.add(term.toString());
            }
            return first;
        }

        @Override
        public void reset() throws IOException {
            super.reset();
            seen.clear();
        }
    }
}
