import java.io.File;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/**
 * Prints what HdrHistogram's own reader finds in a log, a line an interval: tag, start in ms since the epoch, length in
 * ms, count, p50, p90, p99, p99.9, max.
 *
 * <p>Run as {@code java -cp HdrHistogram.jar ReadHistogramLog.java FILE}.
 */
public final class ReadHistogramLog {
  public static void main(String[] args) throws Exception {
    HistogramLogReader log = new HistogramLogReader(new File(args[0]));
    EncodableHistogram next;
    while ((next = log.nextIntervalHistogram()) != null) {
      Histogram histogram = (Histogram) next;
      System.out.printf(
          Locale.ROOT,
          "%s %d %d %d %d %d %d %d %d%n",
          histogram.getTag(),
          histogram.getStartTimeStamp(),
          histogram.getEndTimeStamp() - histogram.getStartTimeStamp(),
          histogram.getTotalCount(),
          histogram.getValueAtPercentile(50),
          histogram.getValueAtPercentile(90),
          histogram.getValueAtPercentile(99),
          histogram.getValueAtPercentile(99.9),
          histogram.getMaxValue());
    }
    log.close();
  }
}
